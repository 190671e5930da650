"""Tests that need a real model behind the gateway, and the server that gives them one."""
