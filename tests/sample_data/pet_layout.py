"""Ids and list files of the Oxford-IIIT Pet layout.

A line of `annotations/list.txt`, `trainval.txt` and `test.txt` is `<id> <class> <species> <breed>`: the class is the
breed's place among all breeds sorted without regard to case (1 to 37), the species is 1 for a cat and 2 for a dog, and
the breed is its place within its species. `list.txt` starts with comment lines.
"""

from __future__ import annotations

from collections.abc import Iterable

from tests.sample_data.layout import Layout

LIST_FILE = "annotations/list.txt"
_HEADER = "#Image CLASS-ID SPECIES BREED ID\n#ID: class\n#SPECIES: 1:Cat 2:Dog\n#BREED ID: place within the species\n"
_SPECIES_IDS = {"cat": 1, "dog": 2}


class PetLayout(Layout):
    """The breeds take turns, so `Abyssinian_2` is number 37."""

    @property
    def breeds(self) -> list[tuple[str, str]]:
        """Breed and species in the order of class ids."""
        [groups] = (rule.groups for rule in self.spec.slices if rule.name == "species")
        return sorted(((b, species) for species, members in groups.items() for b in members), key=_by_name)

    def image_id(self, index: int) -> str:
        """See the base class."""
        breeds = self.breeds
        return f"{breeds[index % len(breeds)][0]}_{index // len(breeds) + 1}"

    def list_files(self, indexes: Iterable[int]) -> dict[str, str]:
        """See the base class; the lines have the official form."""
        breeds = self.breeds
        rank = {}
        for species in _SPECIES_IDS:
            members = [breed for breed, of in breeds if of == species]
            rank.update({breed: (_SPECIES_IDS[species], place + 1) for place, breed in enumerate(members)})
        lines: dict[str, list[str]] = {path: [] for path in (LIST_FILE, *self.spec.official_splits.values())}
        for index in indexes:
            place = index % len(breeds)
            species_id, breed_id = rank[breeds[place][0]]
            line = f"{self.image_id(index)} {place + 1} {species_id} {breed_id}\n"
            lines[LIST_FILE].append(line)
            lines[self.spec.official_splits[self.split(index)]].append(line)
        return {path: (_HEADER if path == LIST_FILE else "") + "".join(sorted(own)) for path, own in lines.items()}


def _by_name(breed: tuple[str, str]) -> str:
    return breed[0].lower()
