"""Measurements that claims in the documentation name as their source. Nothing here decides a test."""
