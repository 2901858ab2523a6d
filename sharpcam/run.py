"""`sharpcam run`: camera or file to virtual camera, window or file, in the foreground.

What is missing is replaced and said in one line: no camera -> the bundled clip, no virtual camera
-> a before/after recording in the current folder, and a window where there is a screen.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Timer

from rich.text import Text

from sharpcam.choose import SinkChoice, SourceChoice, choose_sink, choose_source
from sharpcam.enhancer import Enhancer, load_enhancer
from sharpcam.learner import ProfileLearner
from sharpcam.opening import open_source
from sharpcam.pipeline import Pipeline
from sharpcam.profile import CameraProfile
from sharpcam.settings import Settings
from sharpcam.signals import stopped_by_signals
from sharpcam.sink import FileSink, NullSink, Sink, StreamFormat, VirtualCameraSink
from sharpcam.source import Source
from sharpcam.status import Spread, Status
from sharpcam.terminal import terminal
from sharpcam.window import Action, WindowSink


def main(args: argparse.Namespace) -> int:
    """`sharpcam run`; see `cli.py` for the arguments."""
    console = terminal(soft_wrap=False)  # the line of figures may take two
    source = choose_source(args.source)
    sink = choose_sink(
        args.sink,
        compare=args.side_by_side,
        overwrite=args.overwrite,
        source=source.file,
        folder=Path.cwd(),
    )
    for said in (source.said, sink.said):
        if said:
            console.print(said, soft_wrap=True)
    profile = None if args.profile == "auto" else CameraProfile.parse(args.profile)
    settings = Settings(enabled=not args.off, strength=args.strength, denoise=args.denoise)
    with ExitStack() as stack:
        enhancer = load_enhancer(args.model, args.threads, args.engine)
        stack.callback(enhancer.close)
        offer = None
        if profile:
            enhancer.set_profile(profile)
        else:
            offer = stack.enter_context(ProfileLearner(enhancer.set_profile)).offer
        line = stack.enter_context(console.status("starting"))
        shown = Status()

        def on_tick(status: Status) -> None:
            nonlocal shown
            shown = status
            line.update(Text(describe(status)))

        def with_advice(stream: StreamFormat) -> Iterator[Sink]:
            act_on = partial(act, pipeline)
            for made in open_sinks(sink, stream, lambda: caption(shown, pipeline.settings), act_on):
                yield made
                if isinstance(made, VirtualCameraSink):
                    for text in advice(made, source, always_on=args.always_on):
                        console.print(text, soft_wrap=True)

        pipeline = Pipeline(
            lambda: open_chosen(source, sink, args),
            with_advice,
            enhancer,
            settings,
            stream=resident_stream(source, sink, args),
            source_name=source.name,
            always_on=args.always_on,
            on_luma=offer,
            on_tick=on_tick,
        )
        stack.enter_context(stopped_by_signals(pipeline.stop))
        if args.seconds is not None and is_live(source, sink):
            timer = Timer(args.seconds, pipeline.stop)
            timer.daemon = True
            timer.start()
            stack.callback(timer.cancel)
        final = pipeline.run()
    for text in summary(final, enhancer):
        console.print(text, soft_wrap=True)
    return 0


def is_live(source: SourceChoice, sink: SinkChoice) -> bool:
    """Whether frames come at their own pace; a file into a file goes as fast as it can."""
    return source.camera is not None or sink.is_live


def resident_stream(
    source: SourceChoice, sink: SinkChoice, args: argparse.Namespace
) -> StreamFormat | None:
    """What the virtual camera is opened for before the camera is on; None for a file, which has a
    size of its own and no light that shines on a person whom nobody watches."""
    if source.camera is None or sink.virtual is None:
        return None
    width, height = args.size
    return StreamFormat(width, height, args.fps)


def open_chosen(source: SourceChoice, sink: SinkChoice, args: argparse.Namespace) -> Source:
    """Open what was chosen; called in the capture thread."""
    live = is_live(source, sink)
    # As a stand-in for the camera in a call, the bundled clip must not end.
    loop = args.loop or (source.is_demo and sink.virtual is not None)
    limit = None if live else args.seconds
    return open_source(source, args.size, args.fps, live=live, loop=loop, seconds=limit)


def open_sinks(
    sink: SinkChoice,
    stream: StreamFormat,
    caption: Callable[[], str],
    on_action: Callable[[Action], None],
) -> Iterator[Sink]:
    """The chosen sinks, one after the other; the window shows the caption and takes the keys."""
    for candidates in sink.virtual or ():
        yield VirtualCameraSink(stream, list(candidates))
    if sink.file:
        yield FileSink(sink.file, stream, sink.compare)
    if sink.window:
        yield WindowSink(stream, caption=caption, on_action=on_action)
    if sink == SinkChoice():
        yield NullSink()


def act(pipeline: Pipeline, action: Action) -> None:
    """Do what a key in the window asks for."""
    settings = pipeline.settings
    if action is Action.QUIT:
        pipeline.stop()
    elif action is Action.TOGGLE:
        pipeline.apply(settings.toggled())
    else:
        pipeline.apply(settings.stronger(1 if action is Action.STRONGER else -1))


def advice(sink: VirtualCameraSink, source: SourceChoice, always_on: bool) -> Iterator[str]:
    """What a person should know who has the virtual camera before them."""
    yield f"In the meeting app, choose the camera {sink.name}."
    if source.camera and sink.watchers() is None and not always_on:
        yield f"{sink.name} cannot tell whether anybody watches: the camera stays on."


def caption(status: Status, settings: Settings) -> str:
    """The window's line of figures."""
    strength = f"strength {settings.strength:.1f}" if settings.enabled else "off"
    delay = f", {status.delay.median:.0f} ms" if status.delay else ""
    return f"{status.fps:.1f} fps{delay}, {strength}"


def describe(status: Status) -> str:
    """What is going on, in one line."""
    where = " + ".join(status.sinks)
    size = f" {status.size[0]}x{status.size[1]}" if status.size else ""
    why = f" ({status.reason})" if status.reason else ""
    camera = f", camera {status.camera_fps:.1f} FPS" if status.camera_fps else ""
    delay = f", added delay {status.delay.median:.0f} ms" if status.delay else ""
    watching = f", {status.watchers} watching" if status.watchers else ""
    return (
        f"{status.state.value}{why}: {status.source}{size} to {where}, "
        f"{status.frames} frames, {status.fps:.1f} FPS{camera}{delay}{watching}"
    )


def summary(status: Status, enhancer: Enhancer) -> Iterator[str]:
    """The figures at the end, a line each."""
    files = ", ".join(status.sinks) or "nowhere"
    size = f"{status.size[0]}x{status.size[1]}" if status.size else "no picture"
    yield f"{status.source} ({size}) to {files}, with {enhancer.name}"
    rate = (status.frames - 1) / status.seconds if status.seconds > 0 else 0.0
    yield (
        f"{status.frames} frames in {status.seconds:.1f} s, {rate:.1f} FPS, "
        f"{status.dropped} dropped"
    )
    if status.delay:
        yield f"added delay {_spread(status.delay)}"
    if status.stages:
        stages = (f"{stage} {_spread(times)}" for stage, times in status.stages.items())
        yield f"ms per stage: {', '.join(stages)}"


def _spread(times: Spread) -> str:
    return f"{times.median:.1f} ms (p95 {times.p95:.1f})"
