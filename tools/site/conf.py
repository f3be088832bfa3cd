"""Sphinx's settings for the site; `tools/site/__main__.py` says where the pages lie."""

project = "Who do your containers run as?"
html_title = project
extensions = ["myst_nb", "sphinx_copybutton"]
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["copy.js"]
# What one types, and not what came back.
copybutton_selector = ":not(.output) > div.highlight > pre"
copybutton_prompt_text = "$ "
html_show_copyright = False
html_copy_source = False

# The notebooks come executed, on the lab; nothing runs here.
nb_execution_mode = "off"
# Widgets show their text; the scripts that would draw them come from the network.
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
# Links may name a heading of another page.
myst_heading_anchors = 3
# Text between dollars is no formula: the course has shell variables.
myst_enable_extensions: list[str] = []
