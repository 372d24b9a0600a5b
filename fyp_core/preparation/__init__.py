"""``prepare-data``: any collection of captioned pictures becomes image-pose pairs for stage 1.

LAION-Pose of the paper (section 4.1) was made in this way and never published. What is written::

    OUTPUT/
      00000.tar …       shards that ``train_data.kind=webdataset`` reads: .jpg, .json (a COCO document with
                        ``caption`` and ``source``) and .skeleton.png of each picture that was kept
      parts/00000.json  which pictures a shard was made of, and why those left out were rejected
      settings.json     what the set was made with
      summary.json      how many were seen, kept and rejected for which reason, and how fast
"""
