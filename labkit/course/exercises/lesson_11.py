"""Exercises of 11-capstone."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from labkit.base.waiting import watch
from labkit.course.exercise import Exercise, Wrong
from labkit.course.judging.assessment import Assessment, not_right, passed
from labkit.course.judging.breaks import PodBreak, another_image, everywhere, without_container
from labkit.course.judging.demands import Demand, DemandCheck
from labkit.course.judging.judged_manifest import JudgedManifest
from labkit.course.judging.judged_pod import JudgedPod, why_it_does_not_run
from labkit.course.judging.pod_demands import ANOTHER_PROGRAM, SampleApp, in_its_place, restricted_holds
from labkit.course.pod_settings import container_settings
from labkit.course.world import World

_APP = SampleApp("/app/ledger", ("ledger",))
_KEY = "seven-times-six"
_LISTENS = re.compile(r"listening on port (\d+)")
_LOG_SECONDS = 3.0

# --- next-no ---

_REFUSALS = {"key": "cannot read its key", "ledger": "cannot write to its ledger", "port": "cannot listen"}


def _check_next_no(world: World, answer: str) -> Assessment:
    argv = ["env", "LEDGER_KEY_FILE=/etc/hostname", "/app/ledger"]
    stdout = world.start.run("ledger", argv, user="1654").output
    refusal = next((name for name, text in _REFUSALS.items() if text in stdout), "none")
    if answer == refusal:
        return passed(f"It says: {stdout}.")
    if answer == "port":
        return not_right("It does not come as far as the port: something that it does before fails.")
    return not_right(f"It is not {answer!r}: with a key that it may read the app goes one step further, and no more.")


_NEXT_NO = Exercise(
    name="next-no",
    kind="predict",
    answers=str,
    choices=(*_REFUSALS, "none"),
    hints=(
        "In which order does the app do the three things that need root?",
        "`cluster/sampleapp/ledger.go` has them in its function `open`. Which comes after the key?",
        "Whose is the folder /var/lib/ledger, and who may write to it? `lab.file` shows it.",
    ),
    solution='prediction = "ledger"',
    wrong=(
        Wrong('prediction = "port"', "does not come as far as the port"),
        Wrong('prediction = "none"', "one step further, and no more"),
        Wrong('prediction = "root"', "is not one of"),
        Wrong("prediction = 80", "a text in quotes is expected"),
    ),
    check=_check_next_no,
)

# --- harden ---


_LEDGER_GIVEN: dict[str, Any] = {
    "spec": {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "1024"}]},
        "containers": [{"name": "ledger", "image": "ledger"}],
    }
}


class _JudgedLedger(JudgedPod):
    """The ledger's pod, with what its app says and shows."""

    @cached_property
    def log(self) -> str:
        """What its containers logged, whichever of them is the app."""
        return watch(self._read_logs, bool, _LOG_SECONDS)

    def _read_logs(self) -> str:
        names = [container["name"] for container in self.spec.get("containers") or []]
        return "\n".join(filter(None, (self.world.look.log(self.name, name) for name in names)))

    @cached_property
    def page(self) -> str:
        """The app's page; empty if it does not answer."""
        variables = [variable for container in self.containers for variable in container.get("env") or []]
        numbers = [str(variable.get("value")) for variable in variables if str(variable.get("value")).isdigit()]
        ports = [*_LISTENS.findall(self.log), *numbers, "8080", "80"]
        # An app that has said that it cannot go on has no page, on whatever port.
        for port in [] if "cannot" in self.log else dict.fromkeys(ports):
            response = self.world.look.page(self.name, int(port))
            if response.exit_status == 0:
                return response.output
        return ""

    @property
    def entry(self) -> str:
        """The last entry of its ledger."""
        lines = self.page.partition("\n")[2].strip().splitlines()
        return lines[-1] if lines else ""


def _harden_as_given(pod: JudgedPod) -> str | None:
    if not pod.violated or not pod.is_as_written(_LEDGER_GIVEN):
        return None
    return "The API server still objects to the pod ledger on all four counts."


def _is_refused(pod: JudgedPod) -> str | None:
    if pod.outcome is not None and (pod.outcome.cause is not None or pod.outcome.verdict == "pending"):
        return f"The API server let it in. {why_it_does_not_run(pod)} {pod.outcome.message or ''}".strip()
    return None


def _does_not_answer(pod: _JudgedLedger) -> str | None:
    if not pod.page:
        last = pod.log.splitlines()[-1] if pod.log else "nothing"
        return f"It was let in, but the app does not work; the last that it logged is: {last}."
    first = pod.page.partition("\n")[0]
    if first != f"key: {_KEY}":
        return f"The app answers, but it has another key now. Its page begins with {first!r}."
    return None


def _is_another_app(pod: _JudgedLedger) -> str | None:
    return None if _APP.containers_in(pod) else in_its_place(pod, _APP)


def _has_no_entry(pod: _JudgedLedger) -> str | None:
    if "opened by uid" in pod.entry:
        return None
    return f"The app answers, but its ledger has no entry of its own: {pod.entry!r}."


def _without_volumes(_: dict[str, Any], spec: dict[str, Any]) -> None:
    for container in spec["containers"]:
        container.pop("volumeMounts", None)


def _read_only_volumes(_: dict[str, Any], spec: dict[str, Any]) -> None:
    for container in spec["containers"]:
        for mount in container.get("volumeMounts") or []:
            mount["readOnly"] = True


_CLOSED_FOLDER = PodBreak("a ledger that may not be written to", _read_only_volumes)


def _on_port_80(_: dict[str, Any], spec: dict[str, Any]) -> None:
    for container in spec["containers"]:
        container.pop("env", None)


_CHECK_HARDEN = DemandCheck(
    look=lambda world, _: _JudgedLedger(world, "ledger"),
    as_given=_harden_as_given,
    demands=(
        restricted_holds("a namespace that enforces `restricted`"),
        Demand("runs", "**without breaking it**", _is_refused),
        Demand(
            "page",
            "its page must answer with the same key",
            _does_not_answer,
            (
                another_image("ledger", "aspnetapp"),
                PodBreak("no volumes", _without_volumes),
                PodBreak("port 80", _on_port_80),
                _CLOSED_FOLDER,
                ANOTHER_PROGRAM,
            ),
        ),
        Demand("ledger", "it must have written to its ledger", _has_no_entry, (_CLOSED_FOLDER,)),
        Demand("program", "Bring the pod `ledger`", _is_another_app, (ANOTHER_PROGRAM,)),
    ),
    praise=lambda pod: f"The app answers with its key, has written to its ledger ({pod.entry}), and restricted holds.",
)

_LEDGER = '''
lab.enforce("restricted")
lab.apply("""
apiVersion: v1
kind: Pod
metadata:
  name: ledger
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  securityContext:
    runAsNonRoot: true
    USER
    seccompProfile: {type: RuntimeDefault}
    sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "1024"}]
  containers:
  - name: ledger
    image: IMAGE
    securityContext:
      allowPrivilegeEscalation: false
      capabilities: {drop: [ALL]}
    MORE
""")
'''
_KEY_AND_FOLDER = """volumeMounts:
    - {name: key, mountPath: /etc/ledger}
    - {name: folder, mountPath: /var/lib/ledger}
  volumes:
  - {name: key, secret: {secretName: ledger-key}}
  - {name: folder, emptyDir: {}}"""
_FOLDER = """volumeMounts:
    - {name: folder, mountPath: /var/lib/ledger}
  volumes:
  - {name: folder, emptyDir: {}}"""
_PORT = """env: [{name: LEDGER_PORT, value: "8080"}]
    """
_SECRET = f'''
lab.create("""
apiVersion: v1
kind: Secret
metadata:
  name: ledger-key
stringData:
  key: {_KEY}
""")
'''
_BUILD = '''
lab.build("""
FROM ledger
RUN chown -R 1654:1654 /etc/ledger /var/lib/ledger
ENV LEDGER_PORT=8080
USER 1654
""", name="my-ledger:1")
'''


def _ledger(more: str, *, user: str = "runAsUser: 1654", image: str = "ledger") -> str:
    return _LEDGER.replace("USER", user).replace("IMAGE", image).replace("MORE", more)


_IMITATED = """command: [perl, -l, -e]
    args:
    - |
      use IO::Socket::INET;
      my $socket = IO::Socket::INET->new(LocalPort => 8080, Listen => 5, ReuseAddr => 1) or die;
      $| = 1;
      print "listening on port 8080";
      while (my $client = $socket->accept) {
        my $line = <$client>;
        print $client $_ for "HTTP/1.0 200 OK", "", "key: seven-times-six", "opened by uid 1654";
        close $client;
      }"""
_IN_A_USER_NAMESPACE = (
    _ledger("")
    .replace("    runAsNonRoot: true\n    runAsUser: 1654\n", "")
    .replace("drop: [ALL]", "drop: [ALL], add: [NET_BIND_SERVICE]")
    .replace("spec:\n", "spec:\n  hostUsers: false\n")
)
_CONFIG_MAP = _SECRET.replace("Secret", "ConfigMap").replace("stringData", "data")

_HARDEN = Exercise(
    name="harden",
    kind="repair",
    hints=(
        "Work from the outside in: what does the API server name, what does the kubelet say, what does the app's log "
        "say? Each refusal is the next step. Which of the app's three needs can a pod meet, and which an image?",
        "The folder can be a volume. The key can be a Secret in place of the file, or the file can be given to another "
        "owner in an image of your own (`lab.build`, with a tag such as my-ledger:1). The port is a variable.",
        "Four controls and runAsUser: 1654; an emptyDir at /var/lib/ledger; the key's text in a Secret (`lab.create`) "
        "that is mounted at /etc/ledger; LEDGER_PORT with 8080.",
    ),
    solution=_SECRET + _ledger(_PORT + _KEY_AND_FOLDER),
    others=(
        _BUILD + _ledger("", user="", image="my-ledger:1"),
        _IN_A_USER_NAMESPACE,
        _CONFIG_MAP
        + _ledger(_PORT + _KEY_AND_FOLDER.replace("secret: {secretName:", "configMap: {name:"), user="runAsUser: 4242"),
        _SECRET
        + _ledger(_PORT + _KEY_AND_FOLDER).replace(
            "  containers:\n",
            "  containers:\n  - name: helper\n    image: debian\n    command: [sleep, '600']\n"
            "    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}\n",
        ),
        _SECRET
        + _ledger(
            _PORT.replace("8080", "9123") + _KEY_AND_FOLDER.replace("/etc/ledger}", "/etc/ledger/key, subPath: key}")
        ),
        _SECRET
        + _ledger(
            _KEY_AND_FOLDER.replace("secretName: ledger-key", "secretName: ledger-key, defaultMode: 0440"),
            user="runAsUser: 1654\n    fsGroup: 2000",
        ).replace('    sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "1024"}]\n', ""),
    ),
    wrong=(
        Wrong(_ledger(""), "cannot read its key"),
        Wrong(_SECRET + _ledger(_KEY_AND_FOLDER), "cannot listen on port 80"),
        Wrong(
            _SECRET + _ledger(_PORT + _KEY_AND_FOLDER.replace("/var/lib/ledger", "/data")), "cannot write to its ledger"
        ),
        Wrong(
            _ledger(
                _PORT.replace("env: [", 'env: [{name: LEDGER_KEY_FILE, value: "/etc/hostname"}, ') + _FOLDER,
            ),
            "it has another key now",
        ),
        Wrong(_ledger("", user=""), "image-runs-as-root"),
        Wrong(_SECRET.replace(_KEY, "six") + _ledger(_PORT + _KEY_AND_FOLDER), "it has another key now"),
        Wrong(
            _SECRET
            + _ledger(
                _PORT + _KEY_AND_FOLDER.replace("secretName: ledger-key", "secretName: ledger-key, defaultMode: 0400")
            ),
            "cannot read its key",
        ),
        # Another app, which shows the same page.
        Wrong(
            _ledger(_IMITATED, image="aspnetapp"),
            "in place of its app",
        ),
        Wrong('lab.enforce("privileged")\nlab.apply(lab.sample("ledger"))', "does not enforce restricted"),
        Wrong('lab.apply(lab.sample("ledger"))\nlab.enforce("restricted")', "before the label"),
        # Four controls again, and not the four of the start.
        Wrong(
            _ledger("", user="")
            .replace("    runAsNonRoot: true\n", "    runAsUser: 0\n")
            .replace("      capabilities: {drop: [ALL]}\n", "")
            .replace("    seccompProfile: {type: RuntimeDefault}\n", ""),
            "runAsUser=0",
        ),
        Wrong(_ledger(_PORT + _KEY_AND_FOLDER), 'secret "ledger-key" not found'),
        Wrong(_ledger("").replace("      allowPrivilegeEscalation: false\n", ""), "It names: allowPrivilegeEscalation"),
    ),
    check=_CHECK_HARDEN,
)

# --- what-remains ---

_TRIED = (
    *("change-uid", "environment-secret", "listen-80", "overwrite-app", "read-shadow", "setuid-helper"),
    *("unshare-user", "write-volume-shared"),
)


def _check_what_remains(world: World, answer: list[Any]) -> Assessment:
    tried = world.start.probe("app-restricted", *_TRIED)
    could = {cell.probe for cell in tried if cell.short == "could"}
    for name in answer:
        if name not in could:
            return not_right(f"{name} was tried just now, and {tried[name].full_verdict}: {tried[name].reason}.")
    if missing := len(could - set(answer)):
        return not_right(f"All that you name could be done, and {missing} more of the list could, too.")
    return passed(f"{', '.join(sorted(could))}: done just now, with the controls of restricted and more in force.")


_WHAT_REMAINS = Exercise(
    name="what-remains",
    kind="choose",
    answers=list,
    choices=_TRIED,
    hints=(
        "Which of the attempts needs a capability, root's files, or a way back to root? Those are gone.",
        "What was given to the app on purpose is still its own. What does the app get from its manifest?",
        "A container of the engine opens all ports to everyone; variables can be read by whoever runs in it; volumes "
        "were made to be written.",
    ),
    solution='remains = ["environment-secret", "listen-80", "write-volume-shared"]',
    others=('remains = ["write-volume-shared", "environment-secret", "listen-80"]',),
    wrong=(
        Wrong("remains = []", "The list is empty"),
        Wrong('remains = ["setuid-helper"]', "setuid-helper was tried just now, and could not"),
        Wrong('remains = ["environment-secret", "write-volume-shared"]', "1 more of the list could"),
        Wrong('remains = ["root"]', "not one of the eight"),
    ),
    check=_check_what_remains,
)

# --- gate ---

_GATED = '''
manifest = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: gated
spec:
  selector:
    matchLabels: {app: gated}
  template:
    metadata:
      labels: {app: gated}
    spec:
      securityContext: POD
      initContainers:
      - name: prepare
        image: debian
      containers:
      - name: app
        image: named-user
      - name: log
        image: aspnetapp
        securityContext: LOG
"""
'''


def _gated(pod: str, log: str) -> str:
    return _GATED.replace("POD", pod).replace("LOG", log)


_GATE_GIVEN: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True},
    "initContainers": [{"name": "prepare", "image": "debian"}],
    "containers": [
        {"name": "app", "image": "named-user"},
        {"name": "log", "image": "aspnetapp", "securityContext": {"runAsNonRoot": False, "runAsUser": 0}},
    ],
}


def _gate_as_given(manifest: JudgedManifest) -> str | None:
    return "The gate has three objections, as at the start." if manifest.spec == _GATE_GIVEN else None


def _stays_shut(manifest: JudgedManifest) -> str | None:
    if refusals := manifest.api_server_says:
        return f"The gate stays shut: the API server would not take it. It would say: {'; '.join(refusals)}."
    reasons = [f"{name}: {text}" for name, text in manifest.objections.items()]
    reasons += [*manifest.explanations.flaws, *manifest.explanations.unjudged]
    return f"The gate stays shut. It says: {'; '.join(reasons)}." if reasons else None


def _has_lost_one(manifest: JudgedManifest) -> str | None:
    for field, needed in (("initContainers", {"prepare"}), ("containers", {"app", "log"})):
        there = {container["name"] for container in manifest.spec.get(field) or []}
        if gone := needed - there:
            return f"The gate opens, but {', '.join(sorted(gone))} is gone from {field}, and was needed there."
    return None


def _nobody_insists(manifest: JudgedManifest) -> str | None:
    for name, settings in container_settings({"spec": manifest.spec}).items():
        if not settings.get("runAsNonRoot"):
            return f"The gate opens, but nobody insists for {name}: a new image could be root."
    return None


def _move_prepare(_: dict[str, Any], spec: dict[str, Any]) -> None:
    spec["containers"] += spec.pop("initContainers")


_CHECK_GATE = DemandCheck(
    look=lambda world, text: JudgedManifest(world, str(text)),
    as_given=lambda manifest: None if manifest.missing() else _gate_as_given(manifest),
    demands=(
        Demand(
            "opens", "Fix the text until it has none", _stays_shut, (everywhere("everything as uid 0", runAsUser=0),)
        ),
        Demand(
            "containers",
            "All three containers must stay",
            _has_lost_one,
            (without_container("prepare"), without_container("log"), PodBreak("init moved", _move_prepare)),
        ),
        Demand(
            "insists",
            "the manifest must go on insisting on non-root",
            _nobody_insists,
            (everywhere("nobody insists", runAsNonRoot=None),),
        ),
    ),
    praise=lambda manifest: "The gate opens: every container is non-root, and the manifest insists on it.",
)


_GATE = Exercise(
    name="gate",
    kind="repair",
    answers=str,
    hints=(
        "The gate's three objections have three causes. Which of them can one line for the whole pod remove?",
        "`runAsUser` for the pod replaces the user of each image. Which container says something else for itself?",
        "runAsUser: 1654 beside runAsNonRoot for the pod; and take away what `log` says for itself.",
    ),
    solution=_gated("{runAsNonRoot: true, runAsUser: 1654}", "{}"),
    others=(
        _gated("{runAsNonRoot: true, runAsUser: 1654}", "{runAsUser: 4242}"),
        # Documents without pods, before and after.
        _gated("{runAsNonRoot: true, runAsUser: 1654}", "{}")
        .replace(
            "apiVersion: apps/v1", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\napiVersion: apps/v1"
        )
        .replace("securityContext: {}\n", "securityContext: {}\n---\n"),
        _gated("{runAsUser: 1654}", "{runAsNonRoot: true, runAsUser: 1654}")
        .replace("image: debian", "image: debian\n        securityContext: {runAsNonRoot: true}")
        .replace("image: named-user", "image: named-user\n        securityContext: {runAsNonRoot: true}"),
    ),
    wrong=(
        Wrong(
            _gated("{runAsNonRoot: true, runAsUser: 1654}", "{runAsNonRoot: false, runAsUser: 0}"), "log: runs as root"
        ),
        Wrong(_gated("{runAsUser: 1654}", "{}"), "nobody insists"),
        Wrong(
            _gated("{runAsNonRoot: true, runAsUser: 1654}", "{}").replace(
                "      initContainers:\n      - name: prepare\n        image: debian\n", ""
            ),
            "prepare is gone",
        ),
        Wrong(
            _gated("{runAsNonRoot: true, runAsUser: 1654}", "{}")
            .replace("      initContainers:\n      - name: prepare\n        image: debian\n", "")
            .replace("      - name: app\n", "      - name: prepare\n        image: debian\n      - name: app\n"),
            "prepare is gone from initContainers",
        ),
        Wrong('manifest = "kind: {"', "cannot be read"),
        Wrong(_gated('{runAsNonRoot: true, runAsUser: "1654"}', "{}"), "runAsUser"),
        Wrong(_gated('{runAsNonRoot: "true", runAsUser: 1654}', "{}"), "runAsNonRoot"),
        # A setting of the pod, written one level too high.
        Wrong(
            _gated("{runAsNonRoot: true}", "{}").replace(
                "    spec:\n      securityContext", "    spec:\n      runAsUser: 1654\n      securityContext"
            ),
            'unknown field "spec.template.spec.runAsUser"',
        ),
        Wrong(
            _gated("{runAsNonRoot: true, runAsUser: 1654}", "{}").replace("kind: Deployment", "kind: CronJob"),
            "jobTemplate",
        ),
        Wrong('manifest = "- a"', "no container"),
    ),
    check=_CHECK_GATE,
)

EXERCISES = (_NEXT_NO, _HARDEN, _WHAT_REMAINS, _GATE)
