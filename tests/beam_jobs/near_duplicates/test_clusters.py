"""Clusters of hashes: what links connect, in any order, and how little each hash takes."""

import random
import sys
import tracemalloc

import numpy as np
import pytest
from apache_beam import coders

from beam_jobs.near_duplicates import clusters
from beam_jobs.near_duplicates.clusters import NO_CLUSTER, Clusters, find_clusters, join_clusters
from beam_jobs.near_duplicates.perceptual_hash import HASH_BYTES

NAMES = [bytes([index]) * HASH_BYTES for index in range(9)]  # the first one has only zeros


def hashes_of(parts: list[Clusters]) -> list[bytes]:
    joined = b"".join(part.hashes for part in parts)
    return [joined[start : start + HASH_BYTES] for start in range(0, len(joined), HASH_BYTES)]


def connected(links: list[bytes]) -> dict[bytes, set[bytes]]:
    """Each hash with all that it is connected to, one link after the other."""
    groups: dict[bytes, set[bytes]] = {}
    for some in links:
        for start in range(0, len(some), 2 * HASH_BYTES):
            sides = some[start : start + HASH_BYTES], some[start + HASH_BYTES : start + 2 * HASH_BYTES]
            group = set().union(*(groups.get(one, {one}) for one in sides))
            groups.update(dict.fromkeys(group, group))
    return groups


def test_without_links_there_is_no_cluster():
    for links in ([], [b"", b""]):
        assert list(join_clusters(links)) == []
    assert find_clusters([NAMES[1], None], []).tolist() == [NO_CLUSTER] * 2
    assert find_clusters([], list(join_clusters([NAMES[1] + NAMES[2]]))).tolist() == []


def test_a_hash_that_is_linked_with_itself_is_a_cluster_alone():
    for name in NAMES:
        assert list(join_clusters([name + name, name + name])) == [Clusters(name, bytes(4))]


def test_a_hash_in_several_groups_joins_them_and_is_held_once():
    parts = list(join_clusters([NAMES[0] + NAMES[5], NAMES[5] + NAMES[3] + NAMES[8] + NAMES[7], NAMES[3] + NAMES[3]]))
    assert hashes_of(parts) == [NAMES[index] for index in (0, 3, 5, 7, 8)]
    first, third, fifth, seventh, eighth = find_clusters(hashes_of(parts), parts)
    assert first == third == fifth != seventh == eighth


def test_hashes_that_no_link_has_and_photos_without_a_hash_have_no_cluster():
    parts = list(join_clusters([NAMES[2] + NAMES[4]]))
    strangers = [*NAMES[:2], NAMES[3], *NAMES[5:], None, b"\xff" * HASH_BYTES]
    assert find_clusters(strangers, parts).tolist() == [NO_CLUSTER] * len(strangers)
    found = find_clusters([NAMES[4], None, NAMES[3], NAMES[2], NAMES[4]], parts).tolist()
    assert found == [found[0], NO_CLUSTER, NO_CLUSTER, found[0], found[0]] != [NO_CLUSTER] * 5


@pytest.mark.parametrize("part", [2, clusters.HASHES_PER_PART])
@pytest.mark.parametrize("waiting", [0, 3, clusters.MOST_WAITING])
def test_the_order_of_links_and_parts_does_not_matter(monkeypatch, part, waiting):
    monkeypatch.setattr(clusters, "HASHES_PER_PART", part)
    monkeypatch.setattr(clusters, "MOST_WAITING", waiting)
    for seed in range(50):
        rng = random.Random(seed)
        some = [
            bytes(HASH_BYTES),
            *(rng.randbytes(rng.choice([1, HASH_BYTES])).ljust(HASH_BYTES, b"\0") for _ in range(30)),
        ]
        links = [b"".join(rng.choices(some, k=2 * rng.randrange(8))) for _ in range(8)]
        parts, expected = list(join_clusters(links)), connected(links)
        assert hashes_of(parts) == sorted(expected)
        cluster_of = dict(zip(hashes_of(parts), find_clusters(hashes_of(parts), parts).tolist()))
        for one, group in expected.items():
            assert group == {other for other in expected if cluster_of[other] == cluster_of[one]}
        assert all(cluster < len(expected) for cluster in cluster_of.values())
        assert list(join_clusters(rng.sample(links, len(links)))) == parts
        asked = rng.sample(some, len(some))
        assert find_clusters(asked, rng.sample(parts, len(parts))).tolist() == [
            cluster_of.get(one, NO_CLUSTER) for one in asked
        ]


def test_long_chains_and_stars_are_one_cluster_each():
    count = 20_000
    rows = np.random.default_rng(0).integers(0, 256, (2 * count, HASH_BYTES), np.uint8)
    chain, star = rows[:count], rows[count:]
    links = [np.concatenate([chain[:-1], chain[1:]], axis=1), np.concatenate([star, star[:1].repeat(count, 0)], axis=1)]
    parts = list(join_clusters([one.tobytes() for one in links]))
    found = find_clusters([row.tobytes() for row in rows], parts)
    assert len(np.unique(found)) == 2
    assert found[0] == found[count - 1] != found[count] == found[-1]


def test_a_worker_holds_36_bytes_of_each_hash_and_is_sent_as_many():
    count = 3 * clusters.HASHES_PER_PART // 2
    rows = np.random.default_rng(0).integers(0, 256, (count, HASH_BYTES), np.uint8)
    parts = list(join_clusters([one.tobytes() for one in np.split(rows, 4)]))
    assert [len(part.hashes) // HASH_BYTES for part in parts] == [clusters.HASHES_PER_PART, count // 3]
    coder = coders.registry.get_coder(Clusters)
    sent = [coder.encode(part) for part in parts]
    held = [coder.decode(one) for one in sent]
    assert held == parts
    sizes = [sys.getsizeof(part) + sum(map(sys.getsizeof, part)) for part in held]
    assert 36 * count <= sum(map(len, sent)) < sum(sizes) < 36.1 * count


def test_the_worker_that_joins_hashes_holds_less_than_80_bytes_of_each():
    count = 200_000
    rows = np.random.default_rng(0).integers(0, 256, (count, HASH_BYTES), np.uint8)
    links = [one.tobytes() for one in np.split(rows, 50)] * 3
    tracemalloc.start()
    try:
        assert sum(len(part.hashes) for part in join_clusters(links)) == rows.nbytes
        assert tracemalloc.get_traced_memory()[1] < 80 * count
    finally:
        tracemalloc.stop()
