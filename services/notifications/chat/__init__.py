"""Groups in WeCom, DingTalk, Feishu and Lark that a bot of theirs writes to; for operators whatever Apprise knows."""
