"""What the job starts from: photos and masks listed, paired by id and planned, and how their bytes are found."""
