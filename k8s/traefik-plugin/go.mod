module auction.example/errorbody

go 1.22
