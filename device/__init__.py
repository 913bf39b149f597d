"""The recipient: TUF client, manifest processor, slots, boot and the security IC.

Start at ``agent.py`` (``update()`` reads like the picture in the design), then ``storage`` (the one
port that everything durable passes) and ``ic`` (which alone holds keys, counters and verdicts).
Nothing here imports ``repository``; what both sides must know stands in ``suit``.
"""
