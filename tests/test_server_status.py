"""What the process says of its campaigns, to the admin listener and to the metrics."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

from gateway.campaigns.operations import Link
from gateway.metrics import Metrics
from gateway.server import Status
from gateway.signals.frames import frame
from tests.campaigns.support import FRAME, words
from tests.reloads import House
from tests.test_metrics import samples

FARM = [f"key_{at:02}" for at in range(20)]


def test_campaigns_are_listed_with_their_evidence_and_members_and_counted(tmp_path: Path) -> None:
    house, source, now = House(tmp_path).write(), random.Random(5), time.time()
    status = Status(house.start(), "shadow")
    metrics = Metrics()
    status.count(metrics)
    assert status.campaigns == []
    for _ in range(12):
        for name in FARM:
            link = Link("linker", None, frame(FRAME.format(words(source))), (0, 0, 0))
            house.store.apply([(name, [link])], now)
    listed: Any = status.campaigns
    (found,) = listed
    assert found["principals"] == FARM
    assert found["numbers"]["members"] == 20
    assert found["evidence"].startswith("20 accounts of 20 organisations or networks")
    assert found["first"] == found["last"] == round(now, 3)
    counted = samples(metrics)
    assert (counted["gateway_campaigns",], counted["gateway_campaign_members",]) == (1, 20)
