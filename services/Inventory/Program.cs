using Lavka.Contracts;
using Lavka.Inventory;
using Lavka.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults(Topics.Inventory);
builder.AddAggregateStore();

var app = builder.Build();
app.MapServiceDefaults();

app.MapV1();
app.On<ProductCreated>(StockProduct.Handle);
app.On<OrderCreated>(ReserveStock.Handle);
app.On<OrderPaid>(TakeStock.Handle);
app.On<OrderCancelled>(ReleaseStock.Handle);

app.Run();
