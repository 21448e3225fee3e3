"""Views: a run, and its twin, to the values that a tab shows, as plain arrays, dicts and figures.

    query         values of an address's query
    runs          what a run is;  chooser: how it is called, and chosen among others
    start         which runs tell the story of a data set, and what their scores let it say
    explore       directions between groups, draws around an image
    map           where images stand, what is near;  colours: what its dots are coloured by
    look          what a run makes of one image
    interpolate   walks between two latents
    hole_map      vacancy of a plane;  hole_planes: which plane
    hole_layers   its other colours;  hole_sheets: a plane under one of them
    hole_samples  what the laws draw;  hole_scores: the stored scores, and the beta ladder
    report        the fit;  history: its epochs as numbers;  card: its settings and scores
    export        files of decodes

No request, no page, no file: every function here is tested without a server. What each gets of a query is text that
anybody may have written.
"""
