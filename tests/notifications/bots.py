"""Servers on loopback that speak the protocols of groups' bots: WeCom, DingTalk (which signs) and Feishu.

bots.wecom["key-of-a-group"] = []          # the groups that there are, with what was posted
bots.faults += [500, {"errcode": 45009, "errmsg": "api freq out of limit"}, "drop", "hang"]
"""

import base64
import hashlib
import hmac
import socket
import threading
import time
from typing import Any

from flask import Flask, jsonify, request
from werkzeug.serving import make_server

SECRET = "SECa1b2c3d4e5f60718293a4b5c6d7e8f90"


class Bots:
    def __init__(self) -> None:
        self.wecom: dict[str, list[str]] = {}
        self.dingtalk: dict[str, list[str]] = {}
        self.feishu: dict[str, list[str]] = {}
        self.faults: list[Any] = []
        self.asked = 0
        self.goes_on = threading.Event()
        app = Flask("bots")
        app.post("/cgi-bin/webhook/send")(self._wecom)
        app.post("/robot/send")(self._dingtalk)
        app.post("/open-apis/bot/v2/hook/<token>/")(self._feishu)
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def forget(self) -> None:
        for groups in (self.wecom, self.dingtalk, self.feishu):
            groups.clear()
        self.faults.clear()
        self.goes_on.clear()
        self.asked = 0

    def stop(self) -> None:
        self.goes_on.set()
        self._server.shutdown()
        self._server.server_close()

    def _fault(self) -> Any:
        self.asked += 1
        fault = self.faults.pop(0) if self.faults else None
        if fault == "hang":
            self.goes_on.wait()
            return "", 504
        if fault == "drop":
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return "", 200
        return jsonify(fault) if isinstance(fault, dict) else ("", fault) if fault else None

    def _wecom(self) -> Any:
        if fault := self._fault():
            return fault
        key, body = request.args["key"], request.get_json(force=True)
        if key not in self.wecom:
            return jsonify(errcode=93000, errmsg=f"invalid webhook url, hint: [{key}], from ip: 127.0.0.1")
        content = body["text"]["content"]
        if body["msgtype"] != "text" or len(content.encode()) > 2048:
            return jsonify(errcode=40058, errmsg="invalid Request Parameter")
        self.wecom[key].append(content)
        return jsonify(errcode=0, errmsg="ok")

    def _dingtalk(self) -> Any:
        """Signed: the milliseconds of now and the secret, by HMAC-SHA256, in base64, escaped once in the address."""
        if fault := self._fault():
            return fault
        stamp, token = request.args.get("timestamp", ""), request.args["access_token"]
        digest = hmac.digest(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), hashlib.sha256)
        fresh = stamp.isdecimal() and abs(time.time() * 1000 - int(stamp)) < 3_600_000
        if not fresh or request.args.get("sign") != base64.b64encode(digest).decode():
            return jsonify(errcode=310000, errmsg="sign not match, more: [https://open.dingtalk.com]")
        if token not in self.dingtalk:
            return jsonify(errcode=300005, errmsg="token is not exist")
        self.dingtalk[token].append(request.get_json(force=True)["text"]["content"])
        return jsonify(errcode=0, errmsg="ok")

    def _feishu(self, token: str) -> Any:
        """One that takes only what holds its keyword."""
        if fault := self._fault():
            return fault
        if token not in self.feishu:
            return jsonify(code=19001, msg="param invalid: incoming webhook access token invalid")
        content = request.get_json(force=True)["content"]["text"]
        if "和声" not in content:
            return jsonify(code=19024, msg="Key Words Not Found")
        self.feishu[token].append(content)
        return jsonify(code=0, msg="success", data={})
