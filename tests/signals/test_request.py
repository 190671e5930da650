"""Signals of one call alone."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.fields import Facts
from gateway.model import Client, Measure, Principal, Usage
from gateway.signals.base import Detector
from tests.signals.support import bench, call, detector


def test_a_request_signal_is_one_where_its_condition_holds() -> None:
    signal = bench("request", {"request.echo": True})
    assert signal.send(call(echo=True)) == Measure(1.0)
    assert signal.send(call()) == Measure(0.0)


def test_a_request_signal_on_the_answer_is_read_after_it() -> None:
    signal = bench("request", {"usage.output_tokens": {"gte": 10}})
    assert signal.detector.late
    assert signal.send(usage=Usage(output_tokens=12)) == Measure(1.0)


def test_a_field_signal_is_the_number_of_this_call() -> None:
    signal = bench("field", "request.top_logprobs")
    assert signal.send(call(top_logprobs=20)) == Measure(20.0)
    assert not signal.detector.late
    assert detector("field", "usage.output_tokens").late


def test_a_field_that_the_call_does_not_have_gives_no_verdict() -> None:
    assert bench("field", "request.temperature").send() is None


def test_a_detector_must_say_how_it_reads() -> None:
    facts = Facts(call(), Principal("p"), Client(), 0.0)
    with pytest.raises(NotImplementedError):
        Detector().read(facts, ())


def test_a_field_must_be_a_number_and_a_misspelt_one_is_corrected() -> None:
    with pytest.raises(ValidationError, match=r"did you mean 'request\.max_tokens'"):
        detector("field", "request.max_token")
    with pytest.raises(ValidationError, match=r"not a number field: 'prompt\.user'"):
        detector("field", "prompt.user")
