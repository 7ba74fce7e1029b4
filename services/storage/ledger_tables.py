"""Wallets, the ledger, holds and budgets."""
