"""Why a deployment was chosen, and why none was, in words for people."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import ModelContextTooLong, ModelCredentialDead, ModelError, ModelRejected, NoCapacity
from domain.model_pool import Strategy
from domain.routing import Unfit
from services.llm.pool.choosing import Choice
from services.llm.pool.leases import Answer, Bar, Claim, Mode
from services.llm.pool.port import Need

OUT_FOR_NOW_S = 30.0
"""When to ask again where everything is disabled or parked: somebody must do something first."""
_NAMED = 5
"""So many deployments are named that were passed over."""

_CHOSEN = {
    Strategy.ORDERED: "is the first in the route's order that is free",
    Strategy.ROUND_ROBIN: "was not chosen for the longest time",
    Strategy.LEAST_CONNECTIONS: "has the fewest open calls for its weight",
    Strategy.WEIGHTED: "was drawn by weight",
    Strategy.CHEAPEST: "is the cheapest for this call",
    Strategy.FASTEST: "gave its first tokens soonest lately",
}
_BARRED = {
    Bar.LIMIT: "is at its limit",
    Bar.QUEUE: "is kept for calls that wait longer",
    Bar.SIZE: "has a limit below the call's size",
    Bar.RESTING: "rests",
    Bar.PARKED: "is parked",
    Bar.SILENT: "is silent",
    Bar.GONE: "is gone",
}
_OUT = frozenset({Bar.RESTING, Bar.PARKED, Bar.SILENT, Bar.GONE})
_FULL = frozenset({Bar.LIMIT, Bar.QUEUE})
_OUT_OF_USE = frozenset({Unfit.DISABLED, Unfit.PARKED})


@dataclass(frozen=True)
class Heard:
    """What the database said to a choice. `answer` None: no deployment of the route can answer, so it was not asked."""

    choice: Choice
    claim: Claim
    answer: Answer | None

    @property
    def bars(self) -> tuple[Bar, ...]:
        """Why places were passed over."""
        return self.answer.bars if self.answer else ()

    @property
    def granted(self) -> int | None:
        """Which of the places was taken."""
        return self.answer.granted if self.answer else None

    @property
    def full(self) -> bool:
        """Whether an account is merely at its limit."""
        return not _FULL.isdisjoint(self.bars)

    @property
    def out(self) -> bool:
        """Whether something that could answer is out of use for now."""
        return not _OUT.isdisjoint(self.bars) or not _OUT_OF_USE.isdisjoint(self.choice.order.unfit.values())

    @property
    def parked(self) -> bool:
        """Whether all that is out of use is parked: time alone brings none of it back."""
        out = [why for why in (*self.bars, *self.choice.order.unfit.values()) if why in _OUT or why in _OUT_OF_USE]
        return bool(out) and all(why in (Bar.PARKED, Unfit.PARKED) for why in out)

    @property
    def too_small(self) -> bool:
        """Whether all that could answer takes fewer tokens."""
        whys = [*self.choice.order.unfit.values(), *self.bars]
        small = [why for why in whys if why in (Unfit.CONTEXT, Unfit.SIZE, Bar.SIZE)]
        return bool(small) and all(why in (Unfit.CONTEXT, Unfit.SIZE, Bar.SIZE, Unfit.TRIED) for why in whys)


def refused(need: Need, refusals: Sequence[Heard]) -> ModelError:
    """Return why no route that a call may take has a place for it, by what the caller can do about it."""
    out = [refusal for refusal in refusals if refusal.full or refusal.out]
    if out and all(refusal.parked and not refusal.full for refusal in out):
        return ModelCredentialDead(f"every account that could answer for {need.model} is parked")
    if out:
        answers = [refusal.answer for refusal in refusals if refusal.answer]
        told = [answer.retry_s for answer in answers if answer.retry_s is not None]
        resting = not any(refusal.full for refusal in refusals)
        state = "out of use for now" if resting else "at its limit"
        message = f"every account that could answer for {need.model} is {state}"
        return NoCapacity(message, min(told, default=OUT_FOR_NOW_S), resting=resting)
    if any(refusal.too_small for refusal in refusals):
        wanted = f" and {need.max_output_tokens} of output" if need.max_output_tokens else ""
        return ModelContextTooLong(
            f"about {need.input_tokens} tokens of input{wanted} are more than any deployment of {need.model} takes"
        )
    return ModelRejected(_cannot(need, refusals))


def reason(heard: Heard, before: Sequence[Heard]) -> str:
    """Return in one sentence why a place was chosen. `before`: the routes that had none."""
    choice, granted = heard.choice, heard.granted or 0
    unfit = [f"{id_} {why}" for id_, why in choice.order.unfit.items()]
    others = [*_passed_over(heard, granted), *unfit]
    sentence = f"{choice.places[granted].deployment_id} {_why(choice, granted)}"
    sentence += f" ({_listed(others)})" if others else ""
    if not before:
        return sentence
    return f"{before[0].choice.way.asked} has none that can answer, {choice.way.asked} is a fallback of it: {sentence}"


def _why(choice: Choice, granted: int) -> str:
    if choice.order.stays and granted == 0:
        return "is where the session stays"
    if len(choice.places) == 1:
        return "is the only one that can answer"
    return _CHOSEN[choice.way.route.strategy]


def _passed_over(heard: Heard, granted: int) -> list[str]:
    """Name those that were barred and would have come before; in an order of the database's own, all that were."""
    places, in_our_order = heard.choice.places, heard.claim.mode in (Mode.GIVEN, Mode.FASTEST)
    return [
        f"{place.deployment_id} {_BARRED[bar]}"
        for index, (place, bar) in enumerate(zip(places, heard.bars, strict=True))
        if bar is not Bar.NONE and (index < granted or not in_our_order)
    ]


def _cannot(need: Need, refusals: Sequence[Heard]) -> str:
    unfit = {id_: why for refusal in refusals for id_, why in refusal.choice.order.unfit.items()}
    if not unfit:
        return f"the model {need.model} has no deployment"
    whys = _listed([f"{id_} {why}" for id_, why in unfit.items()])
    return f"no deployment of {need.model} can answer this call: {whys}"


def _listed(items: Sequence[str]) -> str:
    more = f", and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return ", ".join(items[:_NAMED]) + more
