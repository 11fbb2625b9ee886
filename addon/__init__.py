"""Entry point of a checkout: with its root on `sys.path`, `import addon; addon.register()` enables Tracklay in Blender.

The package is `tracklay`, in this folder. It is imported under that one name, so that no module is ever loaded twice.
"""

import sys
from pathlib import Path

if (_here := str(Path(__file__).parent)) not in sys.path:
    sys.path.insert(0, _here)

from tracklay import register, unregister

__all__ = ["register", "unregister"]
