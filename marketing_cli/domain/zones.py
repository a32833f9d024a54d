"""Time zones, for everybody here from one place: the tzdata package, and never the system's own files.

What a local day is decides what is requested, and systems differ: in age, and in the zones that they know at all.
"""

import zoneinfo
from zoneinfo import ZoneInfo, available_timezones

__all__ = ["ZoneInfo", "available_timezones"]

zoneinfo.reset_tzpath(to=())
