"""How right the estimator is: estimates against published measurements, against peers, and against traces."""
