"""Whoever watches a download sees every byte once, and changes nothing."""

from device.platform import MemoryFetcher, WatchedFetcher


def test_the_watcher_sees_what_arrives_and_the_payload_is_the_same() -> None:
    seen: list[tuple[str, int, int | None]] = []
    fetcher = WatchedFetcher(MemoryFetcher({"a": b"12345"}), lambda *told: seen.append(told))
    assert b"".join(fetcher.fetch("a", digest=None, size=5)) == b"12345"
    assert seen == [("a", 5, 5)]
