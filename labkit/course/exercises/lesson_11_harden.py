"""The exercise harden of 11-capstone."""

from __future__ import annotations

import re
from functools import cached_property

from labkit.base.waiting import watch
from labkit.core.mappings import Manifest, ManifestPart
from labkit.course.exercise import Exercise, Wrong
from labkit.course.judging.breaks import PodBreak, another_image
from labkit.course.judging.demands import Demand, DemandCheck
from labkit.course.judging.judged_pod import JudgedPod, given_manifest, why_it_does_not_run
from labkit.course.judging.pod_demands import ANOTHER_PROGRAM, SampleApp, in_its_place, restricted_holds

_APP = SampleApp("/app/ledger", ("ledger",))
_KEY = "seven-times-six"
_LISTENS = re.compile(r"listening on port (\d+)")
_LOG_SECONDS = 3.0


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
    if not pod.violated or not pod.is_as_written(given_manifest("ledger.yaml")):
        return None
    return "The API server still objects to the pod ledger on all four counts."


def _is_refused(pod: JudgedPod) -> str | None:
    if pod.outcome is not None and (pod.outcome.cause is not None or pod.outcome.verdict == "pending"):
        # A pod that nobody refused has no more to say than why it waits.
        message = pod.outcome.message if pod.outcome.verdict != "pending" else ""
        return f"The API server let it in. {why_it_does_not_run(pod)} {message or ''}".strip()
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


def _without_volumes(_: Manifest, spec: ManifestPart) -> None:
    for container in spec["containers"]:
        container.pop("volumeMounts", None)


def _read_only_volumes(_: Manifest, spec: ManifestPart) -> None:
    for container in spec["containers"]:
        for mount in container.get("volumeMounts") or []:
            mount["readOnly"] = True


_CLOSED_FOLDER = PodBreak("a ledger that may not be written to", _read_only_volumes)


def _on_port_80(_: Manifest, spec: ManifestPart) -> None:
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
  automountServiceAccountToken: false
  securityContext:
    runAsNonRoot: true
    USER
    seccompProfile: {type: RuntimeDefault}
    sysctls:
    - name: net.ipv4.ip_unprivileged_port_start
      value: "1024"
  containers:
  - name: ledger
    image: IMAGE
    securityContext:
      allowPrivilegeEscalation: false
      capabilities: {drop: [ALL]}
    MORE
""")
'''
_SYSCTLS = """    sysctls:
    - name: net.ipv4.ip_unprivileged_port_start
      value: "1024"
"""
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

HARDEN = Exercise(
    name="harden",
    kind="repair",
    file="ledger.yaml",
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
        ).replace(_SYSCTLS, ""),
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
