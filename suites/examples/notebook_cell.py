from harness import judge


def largest_weight(trained):
    return max(float(weight.detach().abs().max()) for weight in trained.model.parameters())


if __name__ == "__main__":  # a notebook needs no such line
    result = judge(largest_weight, zoo="digits")
    print(result)
