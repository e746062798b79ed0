"""Nothing lost, nothing twice: faults against a whole running system, and an oracle that stands outside it.

    run.py          `make faults`: traffic, misfortunes, judgement, a record of the run
    story.py        what happens to made-up educators, as the portal and NEA tell it
    truth.py        what must then be true: the rules of the programme said again, plainly
    sending.py      sends it all, and remembers what was answered 2xx
    misfortunes.py  what is done to the system meanwhile
    looking.py      reads the system by its public interfaces and the topics
    judging.py      compares both
    stage.py, proxy.py   the system, its servers, and the proxies between them
    controls.py     the same with one guard removed at a time: it must find something
    report.py       docs/reliability.md, from the records of runs

Nothing of services/ is imported here.
"""
