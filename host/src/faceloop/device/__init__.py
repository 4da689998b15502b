"""Boards: finding them, proving the key, and a stream of packets that survives a lost link.

Only this package imports bleak and pyserial.
"""
