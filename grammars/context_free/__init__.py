"""Compile context-free grammars."""
