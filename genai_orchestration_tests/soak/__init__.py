"""The whole project under faults and SIGKILLs, for minutes: is everything there at the end, once?

    work     images and paid requests, by a seed ─┐
    faults   on a fifth of all answers ───────────┤
    kills    of any process, again and again ─────┴─► storm ─► settle ─► differences, counts
                                                                 ▲         truth │ found
                                        no faults, no kills ─────┘       sandbox │ tables, archive,
                                        a bounded time                           │ ledger, ticks

`make soak MINUTES=10`, or `python -m genai_orchestration_tests.soak --minutes 10 --seed 7`. What is
judged is read from outside: the sandbox over HTTP, the product's tables, files and events.
"""
