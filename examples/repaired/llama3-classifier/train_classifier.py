"""Turn Llama-3-8B into a spam classifier: freeze the body, train a new head on the last token."""

import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer

from spam_data import SpamDataset

MODEL = "meta-llama/Meta-Llama-3-8B"
NUM_CLASSES = 2


def build_model(device):
    model = AutoModelForCausalLM.from_pretrained(MODEL, torch_dtype=torch.bfloat16)
    for param in model.parameters():
        param.requires_grad = False

    # The language-modelling head gives way to one that knows two classes.
    torch.manual_seed(123)
    model.lm_head = torch.nn.Linear(in_features=model.config.hidden_size, out_features=NUM_CLASSES, dtype=torch.bfloat16)

    for param in model.model.norm.parameters():
        param.requires_grad = True
    return model.to(device)


def train(model, loader, optimizer, device):
    model.train()
    for input_ids, labels in loader:
        optimizer.zero_grad()
        logits = model(input_ids.to(device)).logits[:, -1, :]
        loss = torch.nn.functional.cross_entropy(logits, labels.to(device))
        loss.backward()
        optimizer.step()


def main():
    device = torch.device("cuda")
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    loader = DataLoader(SpamDataset("train.csv", tokenizer), batch_size=4, shuffle=True)
    model = build_model(device)
    trainable = [param for param in model.parameters() if param.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=5e-5, weight_decay=0.1)
    train(model, loader, optimizer, device)


if __name__ == "__main__":
    main()
