from beam_jobs.describe.group_tables import find_group_table
from beam_jobs.describe.layout import find_layouts

ROWS = [(f"IMG_{number}", f"P{number // 2}") for number in range(6)]


def table_of(folder, text, name="meta.csv"):
    (folder / name).write_text(text)
    pictures = [f"{kind}/{photo}.png" for kind in ("images", "masks") for photo, _ in ROWS]
    sizes = {**dict.fromkeys(pictures, 9), name: len(text)}
    return find_group_table(str(folder), sizes, find_layouts(pictures)[0])


def csv_of(heading, rows):
    return "\n".join([heading, *(",".join(row) for row in rows)]) + "\n"


def test_a_table_that_names_the_patient_of_every_photo_is_found(tmp_path):
    found = table_of(tmp_path, csv_of("image_id,patient_id,age", [(*row, "40") for row in ROWS]))
    assert found == ("meta.csv", "patient_id: 3 groups of 6 photos")
    found = table_of(tmp_path, csv_of("file_name,video", [(f"{photo}.png", group) for photo, group in ROWS]))
    assert found is not None


def test_a_table_that_lacks_photos_or_says_nothing_of_groups_is_not_taken(tmp_path):
    assert table_of(tmp_path, csv_of("image_id,patient_id", ROWS[:5])) is None
    assert table_of(tmp_path, csv_of("image_id,age", ROWS)) is None
    assert table_of(tmp_path, csv_of("image_id,patient_id", [(photo, photo) for photo, _ in ROWS])) is None
    assert table_of(tmp_path, csv_of("image_id,patient_id", [*ROWS, ("IMG_0", "P9")])) is None
    assert table_of(tmp_path, "\0\n") is None
