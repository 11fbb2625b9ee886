"""What the ledger claims of takes, and the files beside them."""
