"""Which runs belong together: twins, and the ladder of betas."""

from collections.abc import Mapping

from explorer.config import RunConfig, has_prior
from explorer.errors import CheckpointError
from explorer.library.card import Card


def twin_among(name: str, cards: Mapping[str, Card | CheckpointError]) -> str | None:
    """The twin of a run of the disk among the cards of all runs, or None."""
    configs = {key: card.config for key, card in cards.items() if isinstance(card, Card) and card.config is not None}
    mine = configs.get(name)
    if mine is None:
        return None
    named = [mine.twin] if mine.twin in configs else []
    named += [key for key, config in configs.items() if config.twin == name]
    return next((key for key in named if key != name and alike(mine, configs[key])), None)


def ladder_among(mine: Card, cards: Mapping[str, Card | CheckpointError]) -> list[Card]:
    """The runs that differ from one in beta alone, or have none, itself among them, as `Library.ladder` lists them."""
    config = mine.config
    if config is None or config.is_foreign:
        return []
    others = [card for card in cards.values() if isinstance(card, Card) and card.config is not None]
    family = config.model.family
    families = {family, "ae"} if has_prior(family) else {family, "vae"} if family == "ae" else {family}
    kin = [card for card in others if card.family in families]
    related = [card for card in kin if card.name == mine.name or alike(config, card.config)]
    return sorted(related, key=lambda card: (beta_of(card) is not None, beta_of(card) or 0.0, card.name))


def alike(mine: RunConfig, other: RunConfig | None) -> bool:
    """Whether two runs have the settings that twins share, and were fitted on the same data."""
    if other is None or mine.data.fingerprint is None:
        return False
    return mine.key == other.key and mine.data.fingerprint == other.data.fingerprint


def beta_of(card: Card) -> float | None:
    """The weight of the rate in a run's loss; None of an autoencoder, which has none, and where nobody knows it."""
    if card.config is None or card.config.is_foreign or not has_prior(card.family):
        return None
    return card.config.train.beta
