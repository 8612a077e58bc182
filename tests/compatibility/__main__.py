"""`python -m tests.compatibility`: tries everything, and writes the matrix into docs/compatibility.md."""

from tests.compatibility.cells import columns, tried
from tests.compatibility.families import FAMILIES
from tests.compatibility.page import PAGE, read, texts_of, written
from tests.contract.own_environments import add_own_environments

if __name__ == "__main__":
    add_own_environments()
    page, found = PAGE.read_text(), {}
    before = read(page)
    for name, family in FAMILIES.items():
        old = before.get(name, {})
        if family.is_here:
            new = texts_of(tried(family), columns())
            # What cannot be tried here stays as it is.
            found[name] = {column: text or old.get(column, "") for column, text in new.items()}
            print(name, found[name], flush=True)
        elif old:
            found[name] = old
    PAGE.write_text(written(page, found, columns()))
