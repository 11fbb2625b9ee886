"""Panels, lists, menus, overlay and keymap."""
