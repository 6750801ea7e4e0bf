"""Parameters: fitted offline on a history, updated online from outcomes."""
