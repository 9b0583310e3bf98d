"""What answers a request, whatever carries it: route, lane, time limit, event, metrics."""
