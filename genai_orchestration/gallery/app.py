"""The gallery as a marimo app: filters, a grid of pictures, a job's details, charts.

Cells only lay out: what they show is made by the modules beside this one. `genai gallery` runs it.
"""

import marimo

app = marimo.App(width="full", app_title="Gallery", css_file="gallery.css")


@app.cell
def _imports():
    import marimo as mo

    from genai_orchestration.errors import counted
    from genai_orchestration.gallery import cards, charts, rows
    from genai_orchestration.settings import Settings

    settings = Settings.load()
    return cards, charts, counted, mo, rows, settings


@app.cell
def _filters(mo, rows, settings):
    found = rows.choices(settings)
    words = mo.ui.text(placeholder="words of a prompt", label="Search", debounce=300)
    chosen = mo.ui.dictionary(
        {name: mo.ui.dropdown(options, label=name) for name, options in found.items()}
    )
    span = rows.span(settings)
    days = (
        mo.ui.date_range(start=span[0], stop=span[1], value=span, label="days")
        if span
        else mo.ui.text(label="days", disabled=True)
    )
    mo.vstack(
        [
            mo.md("# Gallery"),
            mo.hstack(
                [words, *chosen.elements.values(), days],
                justify="start",
                wrap=True,
            ),
        ]
    )
    return chosen, days, span, words


@app.cell
def _wanted(chosen, days, rows, span, words):
    # all days are no filter: a job may have no day
    _first, _last = (None, None) if not span or days.value == span else days.value
    filters = rows.Filters(text=words.value, **chosen.value, first=_first, last=_last)
    return (filters,)


@app.cell
def _pages(filters, mo, rows, settings):
    first = rows.page(settings, filters)
    number = mo.ui.number(
        start=1, stop=first.pages, value=1, step=1, label=f"page (of {first.pages:,})"
    )
    return first, number


@app.cell
def _selection(mo):
    selected, select = mo.state(None)
    return select, selected


@app.cell
def _grid(cards, filters, first, mo, number, rows, select, settings):
    page = first if number.value == 1 else rows.page(settings, filters, number.value)
    buttons = mo.ui.array(
        [
            mo.ui.button(label=cards.card(row), on_click=lambda _, row=row: select(row))
            for row in page.rows
        ]
    )
    nothing = mo.md(
        "Nothing here. Loads fill `genai.generations` soon after they end; `genai demo --once` "
        "fills one to try."
    )
    grid = mo.hstack(list(buttons.elements), justify="start", wrap=True) if page.rows else nothing
    return buttons, grid


@app.cell
def _details(cards, mo, rows, selected, settings):
    job = selected()
    detail = (
        mo.Html(cards.details(job, rows.files(settings, job)))
        if job
        else mo.md("*Choose a picture to see what is known of it.*")
    )
    return (detail,)


@app.cell
def _charts(charts, filters, mo, rows, settings):
    def draw():
        by_day = rows.days(settings, filters)
        return mo.vstack(
            [
                mo.hstack(
                    [charts.images_per_day(by_day), charts.success_rate(by_day)], justify="start"
                ),
                charts.credits_per_day(by_day, rows.balances(settings)),
                mo.hstack(
                    [
                        charts.seconds_to_finish(rows.speeds(settings, filters)),
                        charts.cost_per_kept_image(by_day),
                    ],
                    justify="start",
                ),
            ]
        )

    return (draw,)


@app.cell
def _shown(counted, detail, draw, first, grid, mo, number):
    total = counted(first.total, "image")
    pictures = mo.vstack(
        [
            mo.hstack([mo.md(f"**{total}**"), number], justify="start", gap=2),
            mo.hstack([grid, detail], widths=[3, 1], align="start"),
        ]
    )
    mo.ui.tabs({"Pictures": pictures, "Charts": mo.lazy(draw)})
    return


if __name__ == "__main__":
    app.run()
