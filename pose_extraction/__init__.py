"""Raw video to COCO-17 keypoints to the black-background skeleton video the pose encoder reads."""
