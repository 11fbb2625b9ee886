"""Claims of takes in the ledger, and the files beside them."""
