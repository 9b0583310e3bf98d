"""EVENTS=outbox: events are on the disk before their answers leave, and published behind them."""
