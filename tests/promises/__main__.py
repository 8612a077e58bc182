"""`python -m tests.promises`: writes into the table of promises which tests prove each row."""

from tests.promises.markers import columns, proofs_in
from tests.promises.table import PAGE, promises, rewritten

if __name__ == "__main__":
    page = PAGE.read_text()
    PAGE.write_text(rewritten(page, columns(promises(page), proofs_in())))
