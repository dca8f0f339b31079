#!/usr/bin/python3
"""The attacks once more, with participants and strangers spread over two workers that pass each other's datagrams on."""
from test_attack import main

main(rtc_workers=2)
