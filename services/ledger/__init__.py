"""Money: wallets, the double-entry ledger, holds, budgets. All amounts are integer micro-units."""
