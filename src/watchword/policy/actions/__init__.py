"""Actions: functions of the app that its own pages call, each through a sealed reference."""
