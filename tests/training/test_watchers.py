from senet.training.callbacks import CallbackList
from toy import Heard, run


def test_several_watchers_hear_the_same(tmp_path):
    first, second, alone = Heard(), Heard(), Heard()
    run(tmp_path / "a", CallbackList([first, second]))
    run(tmp_path / "b", alone)
    for heard in (first, second):
        assert (heard.begun, heard.steps, heard.rows, heard.notices) == (
            alone.begun,
            alone.steps,
            alone.rows,
            alone.notices,
        )
