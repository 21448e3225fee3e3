"""What the Content-Security-Policy forbids: code that somebody smuggles into the page; and that the page needs none."""

import pytest

from explorer.ui.page import TABS
from tests.browser.driver import expect

WATCH = """
window.broken = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.broken.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""

SMUGGLED = """
document.body.insertAdjacentHTML('beforeend', '<img src="x:" onerror="window.caught = 1">');
const script = document.createElement('script');
script.textContent = 'window.caught = 2';
document.body.append(script);
"""

pytestmark = pytest.mark.browser


@pytest.fixture
def watched(browser):
    """A page that notes what its policy forbids."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, bypass_csp=False)
    page = context.new_page()
    page.add_init_script(WATCH)
    yield page
    context.close()


@pytest.mark.parametrize("path", ["", "bare"])
def test_no_tab_needs_what_the_policy_forbids(watched, app_url, path):
    watched.goto(f"{app_url}{path}?run=flat-vae")
    for tab in TABS:
        watched.get_by_role("tab", name=tab.capitalize(), exact=True).click()
        expect(watched.locator(f"#explorer-{tab} [data-ready]").first).to_be_visible()
    assert watched.evaluate("window.broken") == []


@pytest.mark.parametrize("path", ["", "bare"])
def test_code_that_is_smuggled_into_the_page_does_not_run(watched, app_url, path):
    watched.goto(f"{app_url}{path}?run=flat-vae")
    expect(watched.locator("[data-ready]").first).to_be_visible()
    watched.evaluate(SMUGGLED)
    watched.wait_for_function("window.broken.length >= 2")
    assert watched.evaluate("window.caught") is None


def test_the_bare_page_makes_no_code_of_text(watched, app_url):
    watched.goto(f"{app_url}bare?run=flat-vae")
    expect(watched.locator("[data-ready]").first).to_be_visible()
    watched.evaluate("() => { setTimeout('window.caught = 3', 0); }")
    watched.wait_for_function("window.broken.length >= 1")
    assert watched.evaluate("window.caught") is None
