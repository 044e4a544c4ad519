"""A marimo notebook over the loaded tables.

    GENAI_HOME=.genai/demo marimo edit examples/notebook.py   (after `genai demo --once`)

Needs marimo and pandas: pip install marimo pandas. As a script it runs from top to bottom.
"""

import marimo

app = marimo.App()


@app.cell
def _():
    import os

    import dlt
    import marimo as mo

    return dlt, mo, os


@app.cell
def _(dlt, os):
    home = os.environ.setdefault("GENAI_HOME", ".genai")
    data = dlt.attach("imagine_api_pipeline", pipelines_dir=f"{home}/dlt/pipelines").dataset()
    data.images.df().head()
    return (data,)


@app.cell
def _(data, mo):
    slowest = data("SELECT state, count(*) AS images FROM images GROUP BY state ORDER BY 1").df()
    mo.ui.table(slowest)
    return (slowest,)


@app.cell
def _(slowest):
    print(slowest.to_string(index=False))
    return


if __name__ == "__main__":
    app.run()
