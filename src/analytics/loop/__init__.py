"""The closed loop: findings pushed to teams, their answers verified, fed back and shared."""
