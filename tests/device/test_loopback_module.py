def test_hello(machine):
    print(machine.call("watching.hello"))
    print(machine.console())
