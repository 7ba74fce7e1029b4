"""From read models to what the API answers: texts loaded or cut, links added, spelling as documented."""
