# SPDX-License-Identifier: Apache-2.0
"""A GEMM, and lists of them from CSV."""

from pathlib import Path

import pytest

from matwright_sim.workloads import Gemm, WorkloadError, read_gemms


def _read(path: Path, text: str) -> tuple[Gemm, ...]:
    path.write_text(text)
    return read_gemms(path)


def test_what_a_gemm_costs() -> None:
    gemm = Gemm("x", 2, 3, 5, 7)
    assert (gemm.macs, gemm.fetched_elements, gemm.shape) == (210, 105, (2, 3, 5, 7))
    assert Gemm("x", 2, 3, 5, 7, fetched=False).fetched_elements == 0


@pytest.mark.parametrize("field", ["m", "n", "k", "count"])
@pytest.mark.parametrize("value", [0, -1, 1.0, True, "1"])
def test_a_gemm_checks_itself(field: str, value: object) -> None:
    fields = {"m": 1, "n": 1, "k": 1, "count": 1} | {field: value}
    with pytest.raises(WorkloadError) as caught:
        Gemm("x", **fields)  # type: ignore[arg-type]
    assert str(caught.value) == f"{field} must be a positive integer, not {value!r}"


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    assert _read(path, "m,n,k\n1,2,3\n") == (Gemm("line2", 1, 2, 3),)
    text = "\n name , k,n,m, count \n\n a b ,3,2,1,4\n,30,20,10,1\n"
    assert _read(path, text) == (Gemm("a b", 1, 2, 3, 4), Gemm("line5", 10, 20, 30))
    assert _read(path, '\ufeffm,n,k,name\r\n01,2,3,"a, ""b"""\r\n') == (Gemm('a, "b"', 1, 2, 3),)
    assert read_gemms(str(path)) == read_gemms(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "{} must have a line of columns and at least one of a GEMM, not none"),
        ("m,n,k\n", "{} must have a line of columns and at least one of a GEMM, not none"),
        ("m,n\n1,2\n", "{}:1: column k must be given"),
        ("1,2,3\n", "{}:1: '1' is not a column; the columns are m, n, k, name, count"),
        ("m,n,k,m\n1,2,3,4\n", "{}:1: column m must be there once, not 2 times"),
        ("m,n,k\n1,2,3\n1,2\n", "{}:3: a line must have 3 fields, not 2"),
        ("m,n,k\n1,2,3,4\n", "{}:2: a line must have 3 fields, not 4"),
        (
            "m,n,k\n\n1,0,3\n",
            "{}:3: n must be a positive integer of at most 18 digits, not '0'",
        ),
        (
            "m,n,k,count\n1,2,3,\n",
            "{}:2: count must be a positive integer of at most 18 digits, not ''",
        ),
        (
            "m,n,k\n1,2,1_0\n",
            "{}:2: k must be a positive integer of at most 18 digits, not '1_0'",
        ),
        (
            "m,n,k\n-1,2,3\n",
            "{}:2: m must be a positive integer of at most 18 digits, not '-1'",
        ),
        (
            "m,n,k\n1,2,1000000000000000000\n",
            "{}:2: k must be a positive integer of at most 18 digits, not '1000000000000000000'",
        ),
    ],
)
def test_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    with pytest.raises(WorkloadError) as caught:
        _read(path, text)
    assert str(caught.value) == message.format(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    for prepare, start in [
        (lambda: None, f"{path} cannot be read: "),
        (lambda: path.write_bytes(b"m,n,k\n\xff,1,1\n"), f"{path} cannot be read: "),
        (lambda: path.write_text('m,n,k\n"1"2,3,4\n'), f"{path}:2: the line must be CSV: "),
    ]:
        prepare()
        with pytest.raises(WorkloadError) as caught:
            read_gemms(path)
        assert str(caught.value).startswith(start)
