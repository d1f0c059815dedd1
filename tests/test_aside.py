"""A copy of the process gives the result that the process itself would have."""

import gc
import os
import signal

import pytest

from kg.aside import Aside, without_search_for_garbage


def test_a_call_is_made_by_another_process_and_its_result_comes_back():
    with Aside(lambda: ("a" * 1_000_000, os.getpid())) as aside:
        text, process = aside.result()
    assert len(text) == 1_000_000
    assert process != os.getpid()


def test_a_call_that_is_to_be_made_alone_is_made_here():
    with Aside(os.getpid, alone=True) as aside:
        assert aside.result() == os.getpid()


def test_a_copy_that_ends_before_its_time_costs_no_result():
    here = os.getpid()

    def call():
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return "told"

    with Aside(call) as aside:
        assert aside.result() == "told"


def test_an_error_is_raised_where_the_result_is_wanted(capfd):
    with Aside(lambda: 1 // 0) as aside, pytest.raises(ZeroDivisionError):
        aside.result()
    assert capfd.readouterr() == ("", "")


def test_nothing_outlives_a_block_that_ends_early():
    with Aside(signal.pause) as aside:
        child = aside._child
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_garbage_is_looked_for_again_afterwards():
    with without_search_for_garbage():
        assert not gc.isenabled()
        with without_search_for_garbage():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
