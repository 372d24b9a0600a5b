class OpenPoseReader:
    @classmethod
    def of(cls, frames):
        return None
