"""The two groups that the commands of this package belong to, in the order of a request's life."""

import click

LIFE = (
    *("add", "import", "plan", "approve", "submit"),
    *("list", "show", "resolve", "abandon", "retry"),
)


class InOrder(click.Group):
    """Lists its commands as they follow each other, not by the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of LIFE; any other comes last."""
        return sorted(self.commands, key=lambda name: LIFE.index(name) if name in LIFE else 99)


@click.group(cls=InOrder)
def requests() -> None:
    """Plan, approve and submit paid requests; the ledger keeps what became of each.

    Only `submit` sends anything, and only what is approved; nothing is sent twice.
    """


@click.group(cls=InOrder)
def jobs() -> None:
    """Look at what runs, or ran, at the providers for paid requests."""
